"""The web page: static files that ask the API, and what serves them."""
