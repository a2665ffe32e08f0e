namespace Mutation;

/// <summary>A run that can say nothing: a name that is none, a build or tests that fail without a mistake.</summary>
internal sealed class MutationException(string message) : Exception(message);
