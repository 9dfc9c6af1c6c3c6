"""The benchmark: the mock and its peers under the same loads, in one interleaved run."""
