"""The shapes of requests and answers, with their exact bounds; OpenAPI is made from them."""
