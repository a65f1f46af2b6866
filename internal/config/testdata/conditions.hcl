repository "infra" {
  url = "https://git.example.com/a.git"
}

workspace "w" {
  repository = "infra"

  approval "a" {
    when = plan.deletes > 0
  }
  approval "b" {
    when = plans.delete > 0
  }
  approval "c" {
    when = plan.delete
  }
  approval "d" {
    when = ""
  }
  approval "e" {
    when = "destructive"
  }
  approval "f" {
    when = contains(plan.types, aws_iam_role)
  }
  approval "g" {
    when = strartswith(commit.message, "x")
  }
}
