"""Many learners' answers, untrusted: sandbox, protocol, reports, exports, scale-out."""
