"""RFC 3339 times, strictly: what the standard library accepts is wider and differs between versions."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from lineage.model import us_of

# re.ASCII: \d would take full-width digits, and int() would even read them.
_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))", re.ASCII)


def time_us(text: str) -> int:
    """Microseconds since the epoch. More than six fractional digits are cut off.

    A leap second, which RFC 3339 allows and no clock of ours knows, is the last microsecond before it.
    Raises ValueError, in words for the sender, if the text is no such time or lies outside the years 1 to 9999 UTC.

    >>> time_us("1970-01-01T01:00:00.1234567+01:00")
    123456
    """
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError("is not an RFC 3339 time with an offset, such as 2026-05-01T12:00:00.000Z")
    year, month, day, hour, minute, second, fraction, sign, offset_hours, offset_minutes = match.groups()
    micro = int(fraction[:6].ljust(6, "0")) if fraction else 0
    leap = second == "60"
    try:
        local = datetime(
            int(year), int(month), int(day), int(hour), int(minute), 59 if leap else int(second),
            999_999 if leap else micro, _zone(sign, offset_hours, offset_minutes),
        )  # fmt: skip
    except ValueError as error:
        raise ValueError(f"is no time that exists: {error}") from None
    moment = us_of(local)
    if not _FIRST <= moment <= _LAST:
        raise ValueError("lies outside the years 1 to 9999 in UTC")
    if leap and (moment + 1) % _DAY:
        raise ValueError("has a second 60 that is no leap second: those end a day in UTC")
    return moment


def _zone(sign: str | None, hours: str | None, minutes: str | None) -> timezone:
    if sign is None or hours is None or minutes is None:
        return UTC
    if int(hours) > 23 or int(minutes) > 59:
        raise ValueError("offset must be below 24:00")
    shift = int(hours) * 60 + int(minutes)
    return timezone(timedelta(minutes=-shift if sign == "-" else shift))


_DAY = 86_400_000_000
_FIRST = us_of(datetime(1, 1, 1, tzinfo=UTC))
_LAST = us_of(datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC))
