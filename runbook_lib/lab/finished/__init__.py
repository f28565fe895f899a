"""The site behind each finished phase, told in the lab's own words."""
