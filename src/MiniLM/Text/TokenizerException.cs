namespace MiniLM.Text;

/// <summary>A tokenizer file that cannot be used, or texts that cannot be cut as asked; the message is one line that names the place and the remedy.</summary>
/// <param name="message">What is wrong.</param>
/// <param name="innerException">The cause, when another exception said so first.</param>
public sealed class TokenizerException(string message, Exception? innerException = null) : Exception(message, innerException);
