"""Many learners' answers, untrusted: what was handed in, the sandbox, reports, scale-out."""
