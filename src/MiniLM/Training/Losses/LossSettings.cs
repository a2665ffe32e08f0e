using System.Globalization;

namespace MiniLM.Training.Losses;

/// <summary>The settings of a loss as text: <c>TripletLoss(margin=1, distance=cosine)</c>. A loss asks for those it has; what it does not ask for is
/// refused.</summary>
internal sealed class LossSettings
{
    private readonly Dictionary<string, string> _given = new(StringComparer.Ordinal);
    private readonly List<KeyValuePair<string, string>> _asked = [];

    /// <summary>Those that the loss has, with the values it got, by the names of sentence-transformers.</summary>
    internal IReadOnlyList<KeyValuePair<string, string>> Values => _asked;

    /// <summary>Takes a loss and its settings apart.</summary>
    /// <exception cref="ArgumentException">One line: they are not written as <c>Name(a=1, b=2)</c>.</exception>
    internal static (string Name, LossSettings Settings) Parse(string text)
    {
        LossSettings settings = new();
        int open = text.IndexOf('(', StringComparison.Ordinal);
        if (open < 0) { return (text.Trim(), settings); }
        if (!text.EndsWith(')')) { throw new ArgumentException($"loss {Quoted.Text(text)}: write it as Name(setting=value, ...)."); }
        string inner = text[(open + 1)..^1];
        foreach (string part in inner.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            int equals = part.IndexOf('=', StringComparison.Ordinal);
            if (equals < 1) { throw new ArgumentException($"loss {Quoted.Text(text)}: {Quoted.Text(part)} is no setting; write setting=value."); }
            settings.Set(part[..equals].Trim(), part[(equals + 1)..].Trim());
        }
        return (text[..open].Trim(), settings);
    }

    /// <summary>Gives a setting.</summary>
    /// <exception cref="ArgumentException">It was given before.</exception>
    internal void Set(string name, string value)
    {
        if (!_given.TryAdd(name, value)) { throw new ArgumentException($"loss setting {Quoted.Text(name)} is given twice."); }
    }

    internal double Number(string name, double absent) => Number(name, absent, double.NegativeInfinity, "a number");

    internal double Positive(string name, double absent) => Number(name, absent, 0, "a number above 0");

    private double Number(string name, double absent, double above, string what) => Ask(name, absent, text =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && double.IsFinite(value) && value > above ? value : null,
        what, value => value.ToString(CultureInfo.InvariantCulture));

    internal int Whole(string name, int absent, int least = 1) => Ask(name, absent, text =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value >= least ? value : null, $"a whole number from {least} up",
        value => value.ToString(CultureInfo.InvariantCulture));

    /// <summary>A whole number, or <c>none</c>.</summary>
    internal int? WholeOrNone(string name, int? absent) =>
        Ask(name, absent ?? 0, text => text is "none" or "null" or "None" ? 0
            : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value > 0 ? value : null,
                "a whole number from 1 up, or none",
            value => value == 0 ? "none" : value.ToString(CultureInfo.InvariantCulture)) is > 0 and int number ? number : null;

    internal bool Flag(string name, bool absent) => Ask(name, absent, text => bool.TryParse(text, out bool value) ? value : null, "true or false",
        value => value ? "true" : "false");

    /// <summary>One of some names.</summary>
    internal T Choice<T>(string name, T absent, params (string Name, T Value)[] choices) where T : struct => Ask(name, absent,
        text => choices.Where(choice => choice.Name == text).Select(choice => (T?)choice.Value).FirstOrDefault(),
        $"one of {string.Join(", ", choices.Select(choice => choice.Name))}", value => choices.First(choice => choice.Value.Equals(value)).Name);

    private T Ask<T>(string name, T absent, Func<string, T?> read, string what, Func<T, string> write) where T : struct
    {
        T value = absent;
        if (_given.TryGetValue(name, out string? text))
        {
            value = read(text) ?? throw new ArgumentException($"loss setting {name}={text}: give {what}.");
        }
        _asked.Add(KeyValuePair.Create(name, write(value)));
        return value;
    }

    /// <summary>Refuses settings that the loss does not have.</summary>
    /// <exception cref="ArgumentException">One line that names those it has.</exception>
    internal void Check(string loss)
    {
        foreach (string name in _given.Keys.Where(name => _asked.All(asked => asked.Key != name)))
        {
            string has = _asked.Count == 0 ? "it has none" : "it has " + string.Join(", ", _asked.Select(asked => asked.Key));
            throw new ArgumentException($"{loss} has no setting {Quoted.Text(name)}: {has}.");
        }
    }
}
