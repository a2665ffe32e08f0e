using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Parameters;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;

namespace Operations;

/// <summary>A rate of a benchmark's median, by what <see cref="IMeasured"/> says that it does.</summary>
/// <param name="name">Heading.</param>
/// <param name="legend">Below the table.</param>
/// <param name="value">Of the work and its seconds; null: there is none.</param>
internal sealed class WorkColumn(string name, string legend, Func<Work, double, string?> value) : IColumn
{
    public string Id => $"{nameof(WorkColumn)}.{name}";
    public string ColumnName => name;
    public string Legend => legend;
    public bool AlwaysShow => true;
    public ColumnCategory Category => ColumnCategory.Custom;
    public int PriorityInCategory => 0;
    public bool IsNumeric => true;
    public UnitType UnitType => UnitType.Dimensionless;

    internal static WorkColumn[] All(Roofs roofs) =>
    [
        new("GFLOP/s", "Floating-point operations of the formula in the median's time", (work, seconds) => Number(work.Flop / seconds / 1e9)),
        new("GB/s", "Operands and results, each once, in the median's time", (work, seconds) => Number(work.Bytes / seconds / 1e9)),
        new("% of roof", "Share of what one thread does at most, measured before", (work, seconds) => Number(100 * roofs.Of(work, seconds).Share)),
        new("Roof", "Which that is: products of a precision, or bytes of a memory", (work, seconds) => roofs.Of(work, seconds).Limit),
    ];

    private static string? Number(double value) => value > 0 ? value.ToString(value < 10 ? "f2" : "f1") : null;

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase)
    {
        if (summary[benchmarkCase]?.ResultStatistics is not { Median: > 0 } statistics) { return "NA"; }
        IMeasured measured = (IMeasured)Activator.CreateInstance(benchmarkCase.Descriptor.Type)!;
        foreach (ParameterInstance parameter in benchmarkCase.Parameters.Items)
        {
            benchmarkCase.Descriptor.Type.GetProperty(parameter.Name)!.SetValue(measured, parameter.Value);
        }
        return measured.WorkOf(benchmarkCase.Descriptor.WorkloadMethod.Name) is { } work ? value(work, statistics.Median / 1e9) ?? "-" : "-";
    }

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase, SummaryStyle style) => GetValue(summary, benchmarkCase);

    public bool IsDefault(Summary summary, BenchmarkCase benchmarkCase) => false;

    public bool IsAvailable(Summary summary) => true;
}
