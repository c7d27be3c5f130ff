"""What machine-learning pipelines need beyond others: hyperparameters."""
