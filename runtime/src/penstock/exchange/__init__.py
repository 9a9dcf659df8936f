"""How records, watermarks and barriers get from task to task: channels, partitioners, frames, connections, credits."""
