select upper(name) as name from nation
