"""From generated captions to a release: sentences out to Label Studio, votes back, votes to rows."""
