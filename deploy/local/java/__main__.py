"""`python -m deploy.local.java` brings the jars, so that the first start need not."""

from deploy.local import home
from deploy.local.java import fetch

fetch(home.downloads())
