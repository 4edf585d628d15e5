"""What those who read our lines may rely on."""
