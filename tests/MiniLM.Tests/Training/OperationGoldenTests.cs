using System.Numerics;
using MiniLM.Compute.Reference;
using MiniLM.Model;

namespace MiniLM.Tests.Training;

/// <summary>Every operation of the reference, forward and backward, against PyTorch's float64.</summary>
public sealed class OperationGoldenTests
{
    // Losses, which stand elsewhere.
    private static readonly string[] Elsewhere = ["cross_entropy", "bce_logits"];

    [Fact]
    public void EveryOperation_InDouble() => RunAll<double>();

    [Fact]
    public void EveryOperation_InFloat() => RunAll<float>();

    private static void RunAll<T>() where T : IBinaryFloatingPointIeee754<T>
    {
        using Golden golden = new(SharedFolder.Require("golden", "training", "ops.safetensors"));
        int compared = 0;
        foreach (GoldenCase test in GoldenCase.Read(golden, "ops").Where(test => !Elsewhere.Contains(test.Operation)))
        {
            Run<T>(test);
            compared++;
        }
        Assert.True(compared > 0);
    }

    private static void Run<T>(GoldenCase test) where T : IBinaryFloatingPointIeee754<T>
    {
        switch (test.Operation)
        {
            case "linear": Linear<T>(test, Activation.Identity, test.Input<T>("x")); break;
            case "pooler_tanh":
                int[] shape = test.Shape("x");
                T[] x = test.Input<T>("x"), first = Rows(x, shape[2], 0, shape[1], shape[0]);
                T[] dFirst = Linear<T>(test, Activation.Tanh, first), dx = new T[x.Length];
                for (int i = 0; i < dFirst.Length; i++) { dx[i / shape[2] * shape[1] * shape[2] + i % shape[2]] = dFirst[i]; }
                test.Check<T>("grad.x", dx);
                break;
            case "layernorm": Norm<T>(test); break;
            case "gelu_erf": Elementwise<T>(test, Activation.Gelu); break;
            case "gelu_tanh": Elementwise<T>(test, Activation.GeluTanh); break;
            case "softmax_mask": MaskedSoftmax<T>(test); break;
            case "embedding": Embed<T>(test); break;
            case "bert_embeddings": BertEmbeddings<T>(test); break;
            case "mean_pool": Pool<T>(test, PoolingMode.Mean); break;
            case "cls_pool": Pool<T>(test, PoolingMode.Cls); break;
            case "max_pool": Pool<T>(test, PoolingMode.Max); break;
            case "l2norm": UnitRows<T>(test); break;
            case "sdpa": Attention<T>(test); break;
            case "add": Sum<T>(test); break;
            case "residual_ln": ResidualNorm<T>(test); break;
            case "dropout":
                test.Check<T>("out.y", Kept(test, test.Input<T>("x")));
                test.Check<T>("grad.x", Kept(test, test.OutputGradient<T>()));
                break;
            case "bert_layer": Layer<T>(test); break;
            default: Assert.Fail($"{test.Name}: nothing computes {test.Operation}"); break;
        }
    }

    // Position embeddings are added to each sequence: what is added to several rows has the sum of their gradients.
    private static void Sum<T>(GoldenCase test) where T : IBinaryFloatingPointIeee754<T>
    {
        T[] a = test.Input<T>("a"), b = test.Input<T>("b"), dy = test.OutputGradient<T>(), da = new T[a.Length], db = new T[b.Length];
        for (int i = 0; i < dy.Length; i++)
        {
            da[i % a.Length] += dy[i];
            db[i % b.Length] += dy[i];
        }
        test.Check<T>("out.y", [.. dy.Select((_, i) => a[i % a.Length] + b[i % b.Length])]);
        test.Check<T>("grad.a", da);
        test.Check<T>("grad.b", db);
    }

    /// <summary>Every step-th row of a width, count of them.</summary>
    private static T[] Rows<T>(T[] x, int width, int first, int step, int count) =>
        [.. Enumerable.Range(0, count).SelectMany(row => x[((first + row * step) * width)..((first + row * step + 1) * width)])];

    private static T[] Linear<T>(GoldenCase test, Activation activation, T[] x) where T : IBinaryFloatingPointIeee754<T>
    {
        T[] weight = test.Input<T>("w"), bias = test.Has("b") ? test.Input<T>("b") : [];
        int inputs = test.Shape("w")[1];
        T[] y = new T[x.Length / inputs * test.Shape("w")[0]], before = y;
        Dense.Forward<T>(x, weight, bias, inputs, y);
        before = [.. y];
        Activations.Forward<T>(activation, y);
        test.Check<T>("out.y", y);
        T[] dy = test.OutputGradient<T>(), dx = new T[x.Length], dWeight = new T[weight.Length], dBias = new T[bias.Length];
        Activations.Backward<T>(activation, before, dy);
        Dense.Backward<T>(x, weight, dy, inputs, dx, dWeight, dBias);
        if (activation == Activation.Identity) { test.Check<T>("grad.x", dx); }
        test.Check<T>("grad.w", dWeight);
        if (bias.Length > 0) { test.Check<T>("grad.b", dBias); }
        return dx;
    }

    private static void Norm<T>(GoldenCase test) where T : IBinaryFloatingPointIeee754<T>
    {
        T[] x = test.Input<T>("x"), y = new T[x.Length];
        T[] gamma = test.Input<T>("gamma"), epsilon = [Epsilon<T>(test)];
        LayerNorm.Forward<T>(x, gamma, test.Input<T>("beta"), epsilon[0], y);
        test.Check<T>("out.y", y);
        T[] dx = test.OutputGradient<T>(), dGamma = new T[gamma.Length], dBeta = new T[gamma.Length];
        LayerNorm.Backward<T>(x, gamma, epsilon[0], dx, dx, dGamma, dBeta);
        test.Check<T>("grad.x", dx);
        test.Check<T>("grad.gamma", dGamma);
        test.Check<T>("grad.beta", dBeta);
    }

    private static T Epsilon<T>(GoldenCase test) where T : IBinaryFloatingPointIeee754<T> =>
        T.CreateChecked(test.Parameters.GetProperty("eps").GetDouble());

    private static void Elementwise<T>(GoldenCase test, Activation activation) where T : IBinaryFloatingPointIeee754<T>
    {
        T[] x = test.Input<T>("x"), y = [.. x], dy = test.OutputGradient<T>();
        Activations.Forward<T>(activation, y);
        test.Check<T>("out.y", y);
        Activations.Backward<T>(activation, x, dy);
        test.Check<T>("grad.x", dy);
    }

    // A masked key has the float32 minimum added: nothing beside another key, and equal ones where every key is masked.
    private static void MaskedSoftmax<T>(GoldenCase test) where T : IBinaryFloatingPointIeee754<T>
    {
        int[] shape = test.Shape("x"), mask = test.Integers("mask");
        int length = shape[3], rows = shape[1] * shape[2];
        T scale = T.CreateChecked(test.Parameters.GetProperty("scale").GetDouble());
        T[] x = test.Input<T>("x"), y = new T[x.Length], dx = test.OutputGradient<T>();
        for (int row = 0; row < x.Length / length; row++)
        {
            int[] keys = [.. Enumerable.Range(0, length).Where(key => mask[row / rows * length + key] == 1)];
            bool isMasked = keys.Length == 0;
            if (isMasked) { keys = [.. Enumerable.Range(0, length)]; }
            T[] p = [.. keys.Select(key => isMasked ? T.Zero : x[row * length + key] * scale)], dp = [.. keys.Select(key => dx[row * length + key])];
            Softmax.Forward<T>(p);
            Softmax.Backward<T>(p, dp);
            dx.AsSpan(row * length, length).Clear();
            for (int i = 0; i < keys.Length; i++) { (y[row * length + keys[i]], dx[row * length + keys[i]]) = (p[i], dp[i] * scale); }
        }
        test.Check<T>("out.y", y);
        test.Check<T>("grad.x", dx);
    }

    private static void Embed<T>(GoldenCase test) where T : IBinaryFloatingPointIeee754<T>
    {
        int hidden = test.Shape("w")[1];
        int[] ids = test.Integers("ids");
        T[] table = test.Input<T>("w"), y = new T[ids.Length * hidden], dTable = new T[table.Length];
        Embedding.Forward<T>(ids, table, hidden, y);
        test.Check<T>("out.y", y);
        Embedding.Backward<T>(ids, Padding(test), test.OutputGradient<T>(), hidden, dTable);
        test.Check<T>("grad.w", dTable);
    }

    private static int? Padding(GoldenCase test) =>
        test.Parameters.GetProperty("padding_idx") is { ValueKind: System.Text.Json.JsonValueKind.Number } padding ? padding.GetInt32() : null;

    private static void BertEmbeddings<T>(GoldenCase test) where T : IBinaryFloatingPointIeee754<T>
    {
        int hidden = test.Shape("word")[1], length = test.Shape("ids")[1];
        int[] ids = test.Integers("ids"), types = test.Integers("types"), positions = [.. Enumerable.Range(0, ids.Length).Select(i => i % length)];
        T[] word = test.Input<T>("word"), type = test.Input<T>("type"), position = test.Input<T>("pos"), gamma = test.Input<T>("gamma");
        T[] x = new T[ids.Length * hidden], y = new T[x.Length];
        Embedding.Forward<T>(ids, word, hidden, x);
        Embedding.Forward<T>(types, type, hidden, x);
        Embedding.Forward<T>(positions, position, hidden, x);
        LayerNorm.Forward<T>(x, gamma, test.Input<T>("beta"), Epsilon<T>(test), y);
        test.Check<T>("out.y", y);
        T[] d = test.OutputGradient<T>(), dGamma = new T[hidden], dBeta = new T[hidden];
        T[] dWord = new T[word.Length], dType = new T[type.Length], dPosition = new T[position.Length];
        LayerNorm.Backward<T>(x, gamma, Epsilon<T>(test), d, d, dGamma, dBeta);
        Embedding.Backward<T>(ids, Padding(test), d, hidden, dWord);
        Embedding.Backward<T>(types, null, d, hidden, dType);
        Embedding.Backward<T>(positions, null, d, hidden, dPosition);
        test.Check<T>("grad.word", dWord);
        test.Check<T>("grad.type", dType);
        test.Check<T>("grad.pos", dPosition);
        test.Check<T>("grad.gamma", dGamma);
        test.Check<T>("grad.beta", dBeta);
    }

    private static void Pool<T>(GoldenCase test, PoolingMode mode) where T : IBinaryFloatingPointIeee754<T>
    {
        int[] shape = test.Shape("x"), mask = test.Integers("mask");
        (int sequences, int length, int hidden) = (shape[0], shape[1], shape[2]);
        T[] x = test.Input<T>("x"), y = new T[sequences * hidden], dy = test.OutputGradient<T>(), dx = new T[x.Length];
        for (int sequence = 0; sequence < sequences; sequence++)
        {
            int[] columns = [.. Enumerable.Range(0, length).Where(column => mode == PoolingMode.Cls || mask[sequence * length + column] == 1)];
            if (columns.Length == 0) { continue; } // no sequence of a packed batch is empty
            T[] rows = [.. columns.SelectMany(column => Rows(x, hidden, sequence * length + column, 1, 1))], dRows = new T[rows.Length];
            Pooling.Forward<T>(mode, rows, columns, y.AsSpan(sequence * hidden, hidden));
            Pooling.Backward<T>(mode, rows, columns, dy.AsSpan(sequence * hidden, hidden), dRows);
            for (int i = 0; i < columns.Length; i++)
            {
                dRows.AsSpan(i * hidden, hidden).CopyTo(dx.AsSpan((sequence * length + columns[i]) * hidden));
            }
        }
        test.Check<T>("out.y", y);
        test.Check<T>("grad.x", dx);
    }

    private static void UnitRows<T>(GoldenCase test) where T : IBinaryFloatingPointIeee754<T>
    {
        int width = test.Shape("x")[^1];
        T[] x = test.Input<T>("x"), y = [.. x], dx = test.OutputGradient<T>();
        for (int at = 0; at < x.Length; at += width)
        {
            Normalize.Forward(y.AsSpan(at, width));
            Normalize.Backward<T>(x.AsSpan(at, width), dx.AsSpan(at, width));
        }
        test.Check<T>("out.y", y);
        test.Check<T>("grad.x", dx);
    }

    private static void Attention<T>(GoldenCase test) where T : IBinaryFloatingPointIeee754<T>
    {
        int[] shape = test.Shape("q"), mask = test.Integers("mask");
        (int sequences, int heads, int length, int size) = (shape[0], shape[1], shape[2], shape[3]);
        T[] q = ByToken("in.q"), k = ByToken("in.k"), v = ByToken("in.v"), y = new T[q.Length];
        T[] dq = new T[q.Length], dk = new T[q.Length], dv = new T[q.Length];
        MaskedAttention<T>(q, k, v, heads, mask, sequences, y, ByToken("gout.y"), dq, dk, dv);
        test.Check<T>("out.y", ByHead(y));
        test.Check<T>("grad.q", ByHead(dq));
        test.Check<T>("grad.k", ByHead(dk));
        test.Check<T>("grad.v", ByHead(dv));

        T[] ByToken(string name) => Swap(name.StartsWith("in.", StringComparison.Ordinal) ? test.Input<T>(name[3..]) : test.OutputGradient<T>(), heads, length);
        T[] ByHead(T[] values) => Swap(values, length, heads);

        // [sequence, a, b, size] to [sequence, b, a, size]
        T[] Swap(T[] values, int a, int b) => [.. Enumerable.Range(0, sequences).SelectMany(s => Enumerable.Range(0, b).SelectMany(
            j => Enumerable.Range(0, a).SelectMany(i => Rows(values, size, (s * a + i) * b + j, 1, 1))))];
    }

    /// <summary>
    /// Attention with masked keys, whose queries are computed all the same, by packed sequences: the kept rows, then each masked query among them.
    /// </summary>
    private static void MaskedAttention<T>(T[] q, T[] k, T[] v, int heads, int[] mask, int sequences, T[] context, T[] dContext, T[] dq, T[] dk, T[] dv)
        where T : IBinaryFloatingPointIeee754<T>
    {
        int length = mask.Length / sequences, hidden = q.Length / mask.Length;
        for (int sequence = 0; sequence < sequences; sequence++)
        {
            int[] all = [.. Enumerable.Range(sequence * length, length)], kept = [.. all.Where(row => mask[row] == 1)];
            Run(kept, kept.Length);
            foreach (int query in all.Except(kept)) { Run([query, .. kept.Skip(1)], 1); }

            // The first count queries of these rows against the kept keys; of the other queries nothing is taken.
            void Run(int[] queries, int count)
            {
                T[] rows = Gather(q, queries), keys = Gather(k, kept), values = Gather(v, kept), d = Gather(dContext, queries);
                d.AsSpan(count * hidden).Clear();
                T[] p = new T[heads * kept.Length * kept.Length], y = new T[rows.Length];
                T[] a = new T[rows.Length], b = new T[rows.Length], c = new T[rows.Length];
                int[] columns = [.. Enumerable.Range(0, kept.Length)];
                SelfAttention.Forward<T>(rows, keys, values, heads, [], columns, new T[p.Length], p, y);
                SelfAttention.Backward<T>(rows, keys, values, heads, columns, p, d, a, b, c, []);
                for (int i = 0; i < queries.Length * hidden; i++)
                {
                    int to = queries[i / hidden] * hidden + i % hidden, key = kept[i / hidden] * hidden + i % hidden;
                    if (i < count * hidden) { (context[to], dq[to]) = (y[i], a[i]); }
                    dk[key] += b[i];
                    dv[key] += c[i];
                }
            }

            T[] Gather(T[] from, int[] rows) => [.. rows.SelectMany(row => Rows(from, hidden, row, 1, 1))];
        }
    }

    private static T[] Kept<T>(GoldenCase test, T[] x) where T : IBinaryFloatingPointIeee754<T>
    {
        int[] keep = test.Integers("keep");
        T scale = T.CreateChecked(1 / (1 - test.Parameters.GetProperty("p").GetDouble()));
        return [.. x.Select((value, i) => keep[i] == 1 ? value * scale : T.Zero)];
    }

    private static void ResidualNorm<T>(GoldenCase test) where T : IBinaryFloatingPointIeee754<T>
    {
        int inputs = test.Shape("w")[1];
        T[] x = test.Input<T>("x"), weight = test.Input<T>("w"), bias = test.Input<T>("b"), gamma = test.Input<T>("gamma");
        T[] dense = new T[x.Length / inputs * bias.Length], y = new T[dense.Length];
        Dense.Forward<T>(x, weight, bias, inputs, dense);
        T[] sum = [.. Kept(test, dense).Zip(test.Input<T>("res"), (a, b) => a + b)];
        LayerNorm.Forward<T>(sum, gamma, test.Input<T>("beta"), Epsilon<T>(test), y);
        test.Check<T>("out.y", y);
        T[] d = test.OutputGradient<T>(), dGamma = new T[gamma.Length], dBeta = new T[gamma.Length];
        T[] dx = new T[x.Length], dWeight = new T[weight.Length], dBias = new T[bias.Length];
        LayerNorm.Backward<T>(sum, gamma, Epsilon<T>(test), d, d, dGamma, dBeta);
        test.Check<T>("grad.res", d);
        Dense.Backward<T>(x, weight, Kept(test, d), inputs, dx, dWeight, dBias);
        test.Check<T>("grad.x", dx);
        test.Check<T>("grad.w", dWeight);
        test.Check<T>("grad.b", dBias);
        test.Check<T>("grad.gamma", dGamma);
        test.Check<T>("grad.beta", dBeta);
    }

    private static void Layer<T>(GoldenCase test) where T : IBinaryFloatingPointIeee754<T>
    {
        int[] mask = test.Integers("mask");
        int heads = test.Parameters.GetProperty("heads").GetInt32(), sequences = test.Shape("mask")[0];
        Activation activation = test.Parameters.GetProperty("act").GetString() == "gelu_erf" ? Activation.Gelu : Activation.GeluTanh;
        T[] x = test.Input<T>("x"), q = Apply("attention.self.query", x), k = Apply("attention.self.key", x), v = Apply("attention.self.value", x);
        T[] dContext = new T[q.Length], dq = new T[q.Length], dk = new T[q.Length], dv = new T[q.Length], context = new T[q.Length];
        MaskedAttention<T>(q, k, v, heads, mask, sequences, context, dContext, dq, dk, dv);
        T[] first = Add(x, Apply("attention.output.dense", context)), middle = Norm("attention.output.LayerNorm", first);
        T[] up = Apply("intermediate.dense", middle), inner = [.. up];
        Activations.Forward<T>(activation, inner);
        T[] second = Add(middle, Apply("output.dense", inner));
        test.Check<T>("out.y", Norm("output.LayerNorm", second));

        T[] d = NormBackward("output.LayerNorm", second, test.OutputGradient<T>());
        T[] dInner = ApplyBackward("output.dense", inner, d);
        Activations.Backward<T>(activation, up, dInner);
        T[] dMiddle = NormBackward("attention.output.LayerNorm", first, Add(d, ApplyBackward("intermediate.dense", middle, dInner)));
        (dq, dk, dv) = (new T[q.Length], new T[q.Length], new T[q.Length]);
        MaskedAttention<T>(q, k, v, heads, mask, sequences, context, ApplyBackward("attention.output.dense", context, dMiddle), dq, dk, dv);
        T[] dx = Add(ApplyBackward("attention.self.query", x, dq), ApplyBackward("attention.self.value", x, dv));
        test.Check<T>("grad.x", Add(dMiddle, Add(dx, ApplyBackward("attention.self.key", x, dk))));

        T[] Apply(string name, T[] from)
        {
            T[] y = new T[from.Length / test.Shape($"{name}.weight")[1] * test.Shape($"{name}.weight")[0]];
            Dense.Forward<T>(from, test.Input<T>($"{name}.weight"), test.Input<T>($"{name}.bias"), test.Shape($"{name}.weight")[1], y);
            return y;
        }

        T[] ApplyBackward(string name, T[] from, T[] dy)
        {
            T[] weight = test.Input<T>($"{name}.weight"), dFrom = new T[from.Length], dWeight = new T[weight.Length];
            T[] dBias = new T[test.Shape($"{name}.bias")[0]];
            Dense.Backward<T>(from, weight, dy, test.Shape($"{name}.weight")[1], dFrom, dWeight, dBias);
            test.Check<T>($"grad.{name}.weight", dWeight);
            if (name != "attention.self.key") { test.Check<T>($"grad.{name}.bias", dBias); } // 0 but for rounding (README, pitfall 1)
            return dFrom;
        }

        T[] Norm(string name, T[] from)
        {
            T[] y = new T[from.Length];
            LayerNorm.Forward<T>(from, test.Input<T>($"{name}.weight"), test.Input<T>($"{name}.bias"), Epsilon<T>(test), y);
            return y;
        }

        T[] NormBackward(string name, T[] from, T[] dy)
        {
            T[] gamma = test.Input<T>($"{name}.weight"), dGamma = new T[gamma.Length], dBeta = new T[gamma.Length], dFrom = new T[from.Length];
            LayerNorm.Backward<T>(from, gamma, Epsilon<T>(test), dy, dFrom, dGamma, dBeta);
            test.Check<T>($"grad.{name}.weight", dGamma);
            test.Check<T>($"grad.{name}.bias", dBeta);
            return dFrom;
        }

        static T[] Add(T[] a, T[] b) => [.. a.Zip(b, (left, right) => left + right)];
    }
}
