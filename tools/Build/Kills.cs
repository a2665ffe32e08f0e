using System.Diagnostics;
using System.Security.Cryptography;

namespace Build;

/// <summary>A training that is killed again and again, at random moments, inside steps and inside checkpoints: it ends in the same weights.</summary>
internal static class Kills
{
    private const int Kill = 9, Times = 20;

    internal static void Run()
    {
        string program = Executable.Require(), folder = Directory.CreateTempSubdirectory("minilm-kill-").FullName;
        try
        {
            string train = Path.Combine(folder, "train.tsv"), model = Path.Combine(folder, "model");
            string[] words = ["wing", "heat", "air", "stream", "lift", "shock", "wave", "speed", "layer"];
            File.WriteAllLines(train, Enumerable.Range(0, 400).Select(row =>
                $"{words[row % 9]} of {words[row / 9 % 9]}\t{words[row * 5 % 9]} {words[(row + row / 9) % 9]}\t{row % 2}").Prepend("a\tb\tlabel"));
            Tool.Run(program, "convert", "--model", Path.Combine(Tool.Root, "tests", "Fixtures", "models", "bert"), "--num-labels", "1", "--seed", "1",
                "--output", model);
            string[] arguments = ["train", "--task", "cross-encoder", "--model", model, "--train", train, "--columns", "a,b,label", "--loss",
                "BinaryCrossEntropy",
                "--num-train-epochs", "30", "--save-steps", "5", "--save-total-limit", "2", "--learning-rate", "1e-3", "--warmup-ratio", ".1",
                "--ignore-warnings", "loss-at-chance,repeated-texts", "--quiet"];
            string whole = Path.Combine(folder, "whole"), killed = Path.Combine(folder, "killed");
            long start = Stopwatch.GetTimestamp();
            Tool.Run(program, [.. arguments, "--output-dir", whole]);
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            Random random = new(1);
            int kills = 0;
            for (bool isDone = false; !isDone;)
            {
                using Process process = Process.Start(new ProcessStartInfo(program,
                    [.. arguments, "--output-dir", killed, "--resume-from-checkpoint", "--threads", $"{1 + random.Next(2)}"])
                { WorkingDirectory = folder })!;
                isDone = process.WaitForExit(kills < Times ? TimeSpan.FromSeconds(.1 + random.NextDouble() * seconds / Times) : TimeSpan.FromMinutes(10));
                if (!isDone)
                {
                    Tool.Signal(process, Kill);
                    process.WaitForExit();
                    kills++;
                }
                else if (process.ExitCode != 0) { throw new BuildException($"after {kills} kills the training ended with {process.ExitCode}"); }
            }
            string[] hashes = [.. new[] { whole, killed }.Select(output =>
                Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(output, "model.safetensors")))))];
            Console.WriteLine($"{kills} kills; weights of the whole run {hashes[0][..16]}, of the killed one {hashes[1][..16]}");
            if (hashes[0] != hashes[1]) { throw new BuildException("the killed training came to other weights"); }
            if (kills < Times) { throw new BuildException($"only {kills} kills met the training: it is too short for them"); }
        }
        finally { Directory.Delete(folder, recursive: true); }
    }
}
