import pytest

from shop import orders
from shop.models import Order


def test_total():
    result = orders.total("2026-0017")
    assert result == 2 * 450 + 1200


def test_total_of_an_order_that_is_not_there():
    with pytest.raises(Order.DoesNotExist):
        orders.total("none")


def test_cancel():
    assert orders.cancel("2026-0017") == 3
    with pytest.raises(Order.DoesNotExist):
        orders.total("2026-0017")


def test_orders_of_a_country():
    Order.objects.filter(customer=None).delete()
    result = orders.from_country("FR")
    assert result == ["2026-0018"]
