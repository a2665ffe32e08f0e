using System.Security.Cryptography;
using System.Text;
using MiniLM.Data;
using MiniLM.Tests.Weights;

namespace MiniLM.Tests.Data;

public sealed class Sha256Tests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // The examples of FIPS 180 with its appendices, and nothing at all.
    [Theory]
    [InlineData("", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    [InlineData("abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")]
    [InlineData("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")]
    [InlineData("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu", 1,
        "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1")]
    [InlineData("a", 1_000_000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")]
    public void Hash_IsThatOfTheStandard(string text, int times, string expected)
    {
        Sha256 hash = new();
        for (int i = 0; i < times; i++) { hash.Append(Encoding.ASCII.GetBytes(text)); }
        Assert.Equal(expected, hash.FinishText());
    }

    // Every place in a block and in the padding, and longer ones around whole blocks; one object for all: it begins anew.
    [Fact]
    public void Hash_OfEveryLengthIsThePlatforms()
    {
        byte[] data = new byte[100_000];
        new Random(1).NextBytes(data);
        Sha256 hash = new();
        foreach (int length in Enumerable.Range(0, 260).Concat([511, 512, 513, 4095, 4096, 65_535, 100_000]))
        {
            hash.Append(data.AsSpan(0, length));
            Assert.Equal(Platform(data.AsSpan(0, length)), hash.FinishText());
        }
    }

    [Fact]
    public void Append_MayCutBytesAnywhere()
    {
        byte[] data = new byte[200];
        new Random(2).NextBytes(data);
        Sha256 hash = new();
        for (int first = 0; first <= data.Length; first++)
        {
            foreach (int second in new[] { 0, 1, 55, 63, 64, 65, 128 }.Where(second => first + second <= data.Length))
            {
                hash.Append(data.AsSpan(0, first));
                hash.Append(data.AsSpan(first, second));
                hash.Append(data.AsSpan(first + second));
                Assert.Equal(Platform(data), hash.FinishText());
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void FileHash_IsOfBytesAndFilesInTheirOrder(bool isOwn)
    {
        byte[] data = new byte[(1 << 18) + 77]; // more than one read
        new Random(3).NextBytes(data);
        File.WriteAllBytes(_folder.File("a"), data);
        using FileHash hash = new(isOwn);
        for (int i = 0; i < 2; i++)
        {
            using FileStream file = File.OpenRead(_folder.File("a"));
            hash.Append("abc"u8);
            Assert.Equal(data.Length, hash.Append(file, "a", default));
            Assert.Equal(Platform([.. "abc"u8, .. data]), hash.Finish());
        }
        using FileStream again = File.OpenRead(_folder.File("a"));
        Assert.Throws<OperationCanceledException>(() => hash.Append(again, "a", new CancellationToken(canceled: true)));
    }

    private static string Platform(ReadOnlySpan<byte> data) => Convert.ToHexStringLower(SHA256.HashData(data));
}
