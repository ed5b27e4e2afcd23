"""What the shop tells about orders."""

from shop.models import Order


def find(number):
    return Order.objects.prefetch_related("lines").get(number=number)


def total(number):
    """What an order costs, in cents."""
    return sum(line.quantity * line.price for line in find(number).lines.all())


def from_country(country):
    """The numbers of the orders of a country's customers."""
    numbers = []
    for order in Order.objects.select_related("customer").order_by("number"):
        if order.customer.country == country:
            numbers.append(order.number)
    return numbers


def cancel(number):
    """Forgets an order; how many rows went."""
    return find(number).delete()[0]
