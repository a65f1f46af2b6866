environment = "staging"
services    = { web = 2, worker = 1 }
