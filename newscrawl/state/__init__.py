"""What is known of every URL: which links wait, which are done."""
