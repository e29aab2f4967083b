print("milenas-lab")
