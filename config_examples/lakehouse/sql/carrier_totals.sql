SELECT
    flights.carrier,
    any_value(airlines.name) AS airline,
    count(DISTINCT flights.flight_date) AS days,
    count(*) AS flights,
    round(avg(flights.arr_delay), 1) AS mean_arr_delay_min
FROM flights
LEFT JOIN airlines ON flights.carrier = airlines.carrier
GROUP BY flights.carrier
