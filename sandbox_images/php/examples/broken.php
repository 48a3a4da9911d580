<?php
echo "hello"
echo "more";
