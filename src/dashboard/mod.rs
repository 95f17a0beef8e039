//! The page that shows a person what Operator knows, what it said and why it kept silent: painted from the snapshot and the database.
