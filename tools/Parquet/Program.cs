using MiniLM.Data;
using ParquetToJsonLines;

// Parquet to JSON lines: dotnet run --project tools/Parquet -- in.parquet out.jsonl
const string Usage = "Usage: dotnet run --project tools/Parquet -- in.parquet out.jsonl";

if (args.Length != 2)
{
    Console.Error.WriteLine(Usage);
    return 2;
}
using CancellationTokenSource interrupt = new();
Console.CancelKeyPress += (_, signal) =>
{
    signal.Cancel = true;
    interrupt.Cancel();
};
try
{
    long rows = await Conversion.RunAsync(args[0], args[1], interrupt.Token);
    Console.Error.WriteLine($"{args[1]}: {rows} rows");
    return 0;
}
catch (OperationCanceledException) { return 130; }
catch (Exception error) when (error is DataFormatException or IOException or UnauthorizedAccessException)
{
    Console.Error.WriteLine(error.Message);
    return 1;
}
