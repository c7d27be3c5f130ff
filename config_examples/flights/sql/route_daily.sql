-- One row for each day and route with at least :min_flights flights.
SELECT
    flight_date,
    origin,
    dest,
    any_value(dest_name) AS dest_name,
    count(*) AS flights,
    count_if(is_delayed) AS delayed,
    round(avg(arr_delay), 1) AS mean_arr_delay_min
FROM flights
WHERE flight_date BETWEEN CAST(:start_date AS DATE) AND CAST(:end_date AS DATE)
GROUP BY flight_date, origin, dest
HAVING count(*) >= :min_flights
