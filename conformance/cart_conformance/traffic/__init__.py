"""Recorded traffic as evidence: judged by the oracle of a run, without anything being sent."""
