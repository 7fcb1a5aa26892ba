"""The users that scenarios send: about 270 bytes each as JSON, the same on every run."""

import json

LANGUAGES = ["en", "de", "fr", "pt-BR", "ja"]


def user(i, generation=0):
    """A user of an application with a bit of custom data; one of another generation differs in it."""
    return {
        "id": f"user-{i:08d}",
        "name": f"Ada Lovelace the {i}th",
        "image": f"https://cdn.example.com/avatars/{i % 977:04x}/{i:08x}.png",
        "role": "user",
        "language": LANGUAGES[i % len(LANGUAGES)],
        "custom": {
            "plan": ["free", "pro", "team"][i % 3],
            "city": f"City {i % 500}",
            "score": i * 7919 % 1000 + generation,
            "tags": [f"tag{i % 13}", f"tag{i % 17}"],
            "referrer": f"campaign-{i % 31:012d}",
            "verified": i % 2 == 0,
        },
    }


def request(count, generation=0, first=0):
    """A request for that many users, as JSON text."""
    return json.dumps([user(i, generation) for i in range(first, first + count)], separators=(",", ":"))
