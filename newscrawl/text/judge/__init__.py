"""The block judge: a trained model that says of each block how likely it belongs to the story."""
