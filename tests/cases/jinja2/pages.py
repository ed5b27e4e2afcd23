# SPDX-License-Identifier: Apache-2.0
"""Production of this case: a page server that renders its visitors' numbers.

    python3 pages.py TEMPLATE NAME=VALUE...

Logs as Python services do: the message, then the traceback.
"""

import logging
import sys

from jinja2 import Environment

logging.basicConfig(format="%(asctime)s %(levelname)s pages@3.1.2 %(message)s")


def page(template, variables):
    return Environment().from_string(template).render(**variables)


def main(arguments):
    variables = dict(argument.split("=", 1) for argument in arguments[1:])
    try:
        print(page(arguments[0], variables))
    except Exception:
        logging.exception("a page could not be rendered")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
