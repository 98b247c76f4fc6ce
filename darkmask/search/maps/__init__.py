"""Make the few 2-D maps per integration that every search works on, and combine them across integrations."""
