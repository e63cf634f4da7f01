select name from revenue order by total desc limit 3
