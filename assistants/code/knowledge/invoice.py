"""Invoices: numbers without gaps, tax by country, rounding once."""

from decimal import ROUND_HALF_EVEN, Decimal

TAX = {"DE": Decimal("0.19"), "FR": Decimal("0.20"), "CH": Decimal("0.081")}


class UnknownCountry(Exception):
    """No tax rate is known for the country. Invoices are never written with a guess."""


def tax_rate(country: str) -> Decimal:
    """The rate of value added tax of a country, by its ISO code."""
    try:
        return TAX[country.upper()]
    except KeyError:
        raise UnknownCountry(country) from None


def total(lines: list[tuple[int, Decimal]], country: str) -> Decimal:
    """The gross total of (quantity, net price) lines. It is rounded once, at the end, half to even: rounding each line
    lost up to three cents on long invoices."""
    net = sum((quantity * price for quantity, price in lines), Decimal(0))
    return (net * (1 + tax_rate(country))).quantize(Decimal("0.01"), rounding=ROUND_HALF_EVEN)


def next_number(cursor) -> int:
    """The next invoice number. The row is locked (SELECT ... FOR UPDATE), because the tax office wants no gaps: a sequence
    of the database would skip numbers of transactions that were rolled back."""
    cursor.execute("SELECT last FROM invoice_number FOR UPDATE")
    number = cursor.fetchone()[0] + 1
    cursor.execute("UPDATE invoice_number SET last = %s", (number,))
    return number
