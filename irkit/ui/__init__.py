"""What people see and type: screens (`screen`, `reading`), the terminal (`talk`, `prompt`), scripted answers (`answers`)."""
