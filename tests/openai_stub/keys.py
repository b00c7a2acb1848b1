"""What was asked, as a short digest: the texts of a conversation and the pictures shown with them."""

import hashlib


def digest(messages):
    """(hex digest, number of pictures) of chat messages in the API's notation."""
    parts, pictures = [], 0
    for message in messages:
        content = message["content"]
        for part in [{"type": "text", "text": content}] if isinstance(content, str) else content:
            if part["type"] == "image_url":
                pictures += 1
                parts.append(part["image_url"]["url"].partition(",")[2])
            else:
                parts.append(part["text"])
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=12).hexdigest(), pictures
