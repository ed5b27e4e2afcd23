from django.db import models


class Customer(models.Model):
    name = models.CharField(max_length=100)
    country = models.CharField(max_length=2)


class Order(models.Model):
    number = models.CharField(max_length=20, unique=True)
    # an order outlives the account of the person who made it
    customer = models.ForeignKey(Customer, null=True, on_delete=models.SET_NULL)


class Line(models.Model):
    order = models.ForeignKey(Order, related_name="lines", on_delete=models.CASCADE)
    article = models.CharField(max_length=100)
    quantity = models.IntegerField()
    price = models.IntegerField()  # cents
