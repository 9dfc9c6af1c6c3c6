"""The benchmark: the mock beside its peers, under the same loads, in one interleaved run."""
