"""What `edgeseg bench` measured, for people: tables, charts, one page."""
