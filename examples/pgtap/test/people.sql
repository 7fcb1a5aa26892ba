-- Members as all of the suites know them, to be included inside a test's transaction.
SELECT kitchen.sign_up('ann', 'Ann', 'pro'), kitchen.sign_up('bob', 'Bob'), kitchen.sign_up('cem', 'Cem') \g /dev/null
INSERT INTO kitchen.recipes (cook, title, steps)
VALUES ('ann', 'Soup', 'Boil.'), ('ann', 'Salad', 'Toss.'), ('bob', 'Toast', 'Toast.');
INSERT INTO kitchen.ratings SELECT id, rater, 5 FROM kitchen.recipes, unnest('{ann,bob,cem}'::text[]) AS rater WHERE rater <> cook;
INSERT INTO kitchen.orders (buyer, address, total) VALUES ('ann', 'Via Roma 1', 12), ('bob', 'Main St 2', 20);
INSERT INTO kitchen.clubs VALUES ('Soups', 'ann'), ('Breads', 'bob');
