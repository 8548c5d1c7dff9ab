"""What clients print while they work, a file for each; the forms were seen in the versions that `table` names."""
