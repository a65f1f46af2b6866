environment = "dev"
services    = { web = 1 }
