environment = "prod"
services    = { web = 6, worker = 3 }
