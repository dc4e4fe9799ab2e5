"""Many nodes, one server: what they tell each other, written once over `IBus` and `IAuthority` (scaling.md 4-6)."""
