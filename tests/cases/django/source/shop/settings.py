import os

SECRET_KEY = os.environ.get("SECRET_KEY", "only for tests")
INSTALLED_APPS = ["shop"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": os.environ.get("DATABASE_HOST", "db"),
        "NAME": "shop",
        "USER": "shop",
    }
}
