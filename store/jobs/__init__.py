"""Jobs in the database: the tables, and one function for each statement that touches them."""
