"""Who may, and the proof."""
