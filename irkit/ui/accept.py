"""What counts as an answer. Shared by the terminal and by scripts, so that neither is more lenient than the other."""

from __future__ import annotations

import unicodedata

from irkit.engine.gate import Question


def readable(typed: bytes) -> str | None:
    """Typed bytes as NFC text without blanks around it, or None when they are no UTF-8 or hold control characters."""
    try:
        text = unicodedata.normalize("NFC", typed.decode()).replace("\t", " ").strip()
    except UnicodeDecodeError:
        return None
    return None if any(unicodedata.category(char) == "Cc" for char in text) else text


def refusal(question: Question, text: str) -> str:
    """Why `text` is no answer, in a sentence that says what is; empty when it is one."""
    if question.letters or question.phrase:
        if _named(question, text):
            return ""
        if question.parse is None or not text:
            return _what_counts(question)
    value = text or question.default
    if not value:
        return "An answer is needed here." if question.required else ""
    try:
        if question.parse is not None:
            question.parse(value)
    except ValueError as error:
        return str(error) or "That cannot be read."
    return ""


def has_more(question: Question) -> bool:
    return bool(question.more or question.more_words)


def options(question: Question) -> dict[str, str]:
    """Every letter that reaches the engine, and its word. One that takes a word stands as "g N"."""
    found: dict[str, str] = {}
    for key, word in (*question.letters.items(), *question.more_words.items()):
        if key not in question.more and key not in found:
            found[key] = word
    return found


def _named(question: Question, text: str) -> bool:
    """Whether `text` is the phrase, a letter of the question, or a letter with the one word it takes ("g 12")."""
    if question.phrase and text == question.phrase:
        return True
    keys = options(question)
    if text in keys:
        return " " not in text
    letter, *words = text.split()[:3] or [""]
    return len(words) == 1 and f"{letter} N" in keys


def _what_counts(question: Question) -> str:
    letters = ", ".join([*options(question), *question.more, *(["?"] if has_more(question) else [])])
    own = f"{question.phrase} (exactly so), or " if question.phrase else "a value, or " if question.parse else ""
    return f"Accepted here: {own}{letters}."
