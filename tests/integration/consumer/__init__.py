"""What a consumer promises, whatever its service's database: each test runs on PostgreSQL and on MongoDB."""
